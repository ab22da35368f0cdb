"""Augments an epoch's images, each by its own draw, as a DataLoader over single images would.

torchvision draws one transform for a whole batch tensor, so the usual ones are written here for
a batch at once, in torchvision's arithmetic; every other runs image by image in torchvision's
own code. Must not know recipes: it gets torchvision's transforms, already made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
from torchvision.transforms import InterpolationMode, v2


def augment(images: Tensor, transforms: Sequence[v2.Transform]) -> Tensor:
    """The images after one random draw of every transform for each.

    Random numbers come from torch's global generator of the images' device.

    Args:
        images: uint8 [N, 1, 28, 28]; not changed.
        transforms: applied in order.
    """
    for transform in transforms:
        batched = _BATCHED.get(type(transform))
        if batched is None or not _plain(transform):
            images = torch.stack([transform(image) for image in images])
        else:
            images = batched(images, transform)
    return images


def _plain(transform: Any) -> bool:
    """Whether the batched form covers this transform's arguments."""
    # Some torchvisions keep the name, some the enumeration's member.
    nearest = (InterpolationMode.NEAREST, InterpolationMode.NEAREST.value)
    return (
        getattr(transform, "interpolation", nearest[0]) in nearest
        and getattr(transform, "center", None) is None
        and not getattr(transform, "expand", False)
    )


def _rotate(images: Tensor, transform: Any) -> Tensor:
    # torchvision's rotate turns counter-clockwise, its affine clockwise.
    angles = -_uniform(images, transform.degrees)
    nothing = torch.zeros_like(angles)
    return affine(images, angles, nothing, nothing, nothing + 1, nothing, nothing, _fill(transform))


def _affine(images: Tensor, transform: Any) -> Tensor:
    angles = _uniform(images, transform.degrees)
    nothing = torch.zeros_like(angles)
    across = down = shear_x = shear_y = nothing
    scale = nothing + 1
    height, width = images.shape[-2:]
    if transform.translate is not None:
        most_x, most_y = transform.translate[0] * width, transform.translate[1] * height
        across = _uniform(images, (-most_x, most_x)).round()
        down = _uniform(images, (-most_y, most_y)).round()
    if transform.scale is not None:
        scale = _uniform(images, transform.scale)
    if transform.shear is not None:
        shear_x = _uniform(images, transform.shear[:2])
        if len(transform.shear) == 4:
            shear_y = _uniform(images, transform.shear[2:])
    return affine(images, angles, across, down, scale, shear_x, shear_y, _fill(transform))


def affine(
    images: Tensor,
    angles: Tensor,
    across: Tensor,
    down: Tensor,
    scale: Tensor,
    shear_x: Tensor,
    shear_y: Tensor,
    fill: float,
) -> Tensor:
    """Each image under its own affine map about its centre, by the nearest pixel.

    The matrix is torchvision's (`_get_inverse_affine_matrix`), the sampling PIL's: what lies
    outside the image becomes `fill`.

    Args:
        images: uint8 [N, 1, H, W].
        angles: degrees, clockwise, [N].
        across: pixels to the right, [N].
        down: pixels downwards, [N].
        scale: [N].
        shear_x: degrees, [N].
        shear_y: degrees, [N].
        fill: the value outside, in 0..255.
    """
    height, width = images.shape[-2:]
    rotation, sx, sy = angles.deg2rad(), shear_x.deg2rad(), shear_y.deg2rad()
    cosine = torch.cos(rotation - sy) / torch.cos(sy)
    sine = torch.sin(rotation - sy) / torch.cos(sy)
    a, b = cosine, -cosine * torch.tan(sx) - torch.sin(rotation)
    c, d = sine, -sine * torch.tan(sx) + torch.cos(rotation)
    inverse = torch.stack(
        [
            torch.stack([d, -b, -d * across + b * down], 1) / scale[:, None],
            torch.stack([-c, a, c * across - a * down], 1) / scale[:, None],
        ],
        1,
    )
    # affine_grid measures in halves of the image.
    half = torch.tensor([[1 / width], [1 / height]], device=images.device) * 2
    size = torch.tensor([width / 2, height / 2, 1], device=images.device)
    grid = affine_grid(inverse * half * size, list(images.shape), align_corners=False)
    moved = grid_sample(
        images.float() - fill, grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return (moved + fill).to(torch.uint8)


def _jitter(images: Tensor, transform: Any) -> Tensor:
    """Brightness and contrast in either order; a grey image has no saturation or hue."""
    brightness = _factor(images, transform.brightness)
    contrast = _factor(images, transform.contrast)
    first = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    one = _contrast(_brightness(images, brightness), contrast)
    other = _brightness(_contrast(images, contrast), brightness)
    return torch.where(first, one, other)


def _brightness(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor).clamp(0, 255).to(torch.uint8)


def _contrast(images: Tensor, factor: Tensor) -> Tensor:
    mean = images.float().mean((1, 2, 3), keepdim=True)
    return (images * factor + mean * (1 - factor)).clamp(0, 255).to(torch.uint8)


def _factor(images: Tensor, between: Sequence[float] | None) -> Tensor:
    factor = _uniform(images, between) if between else torch.ones(len(images), device=images.device)
    return factor[:, None, None, None]


def _uniform(images: Tensor, between: Sequence[float]) -> Tensor:
    return torch.empty(len(images), device=images.device).uniform_(between[0], between[1])


def _fill(transform: Any) -> float:
    fill = transform.fill
    if isinstance(fill, list | tuple):
        fill = fill[0]
    return float(fill or 0)


_BATCHED: dict[type[v2.Transform], Callable[[Tensor, Any], Tensor]] = {
    v2.RandomRotation: _rotate,
    v2.RandomAffine: _affine,
    v2.ColorJitter: _jitter,
}
