"""Augmentation draws for each image, and does to it what torchvision and PIL do."""

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from harness import data
from harness.collect import augment


@pytest.fixture(scope="module")
def images() -> Tensor:
    return data.load("digits", data.folder()).train[:64]


def test_rotation_is_pils_image_by_image(images: Tensor) -> None:
    angles = torch.linspace(-30, 30, len(images))
    zero, one = torch.zeros_like(angles), torch.ones_like(angles)
    ours = augment.affine(images, -angles, zero, zero, one, zero, zero, fill=1)
    equal = 0
    for image, angle, rotated in zip(images, angles, ours, strict=True):
        pil = Image.fromarray(image[0].numpy()).rotate(
            float(angle), Image.Resampling.NEAREST, fillcolor=1
        )
        equal += bool((tv.pil_to_tensor(pil) == rotated).all())
    # Where a pixel's centre falls between two pixels to the last bit, float32 and PIL's
    # fixed-point arithmetic may choose differently.
    assert equal >= 0.95 * len(images)


def test_affine_is_torchvisions_image_by_image(images: Tensor) -> None:
    draw = torch.Generator().manual_seed(0)
    n = len(images)
    angles = torch.empty(n).uniform_(-20, 20, generator=draw)
    across = torch.randint(-3, 4, (n,), generator=draw).float()
    down = torch.randint(-3, 4, (n,), generator=draw).float()
    scale = torch.empty(n).uniform_(0.8, 1.2, generator=draw)
    shear_x = torch.empty(n).uniform_(-10, 10, generator=draw)
    shear_y = torch.empty(n).uniform_(-10, 10, generator=draw)
    ours = augment.affine(images, angles, across, down, scale, shear_x, shear_y, fill=7)
    different = 0
    for i, image in enumerate(images):
        theirs = tv.affine(
            image,
            angle=float(angles[i]),
            translate=[int(across[i]), int(down[i])],
            scale=float(scale[i]),
            shear=[float(shear_x[i]), float(shear_y[i])],
            fill=7,
        )
        different += int((theirs != ours[i]).sum())
    assert different < 0.001 * images.numel()


@pytest.mark.parametrize(
    "transform",
    [
        v2.RandomRotation(30, fill=1),
        v2.RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5, fill=3),
        v2.ColorJitter(0.3, 0.3, 0.1, 0.1),
        v2.RandomErasing(p=1.0),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_every_image_gets_its_own_draw(images: Tensor, transform: v2.Transform) -> None:
    same = images[:1].expand(16, -1, -1, -1)
    torch.manual_seed(1)
    once = augment.augment(same, [transform])
    assert once.dtype == torch.uint8
    assert once.shape == same.shape
    assert len({image.numpy().tobytes() for image in once}) > 10
    torch.manual_seed(1)
    assert torch.equal(augment.augment(same, [transform]), once)


@pytest.mark.parametrize(
    "transform", [v2.RandomRotation(7, fill=1), v2.RandomAffine(7, shear=3), v2.ColorJitter(0.1)]
)
def test_the_usual_transforms_never_run_image_by_image(
    images: Tensor, transform: v2.Transform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(image: Tensor) -> Tensor:
        raise AssertionError("a call for a single image")

    monkeypatch.setattr(transform, "forward", one)
    augment.augment(images, [transform])


def test_jitter_is_torchvisions(images: Tensor) -> None:
    for order in ("brightness", "contrast"):
        values = {order: (0.7, 0.7)}
        ours = augment.augment(images, [v2.ColorJitter(**values)])
        theirs = torch.stack([v2.ColorJitter(**values)(image) for image in images])
        # torchvision's contrast adds in another order, which may move a value by one.
        assert (ours.int() - theirs.int()).abs().max() <= 1
        assert (ours == theirs).float().mean() > 0.999


def test_a_transform_that_the_batched_form_does_not_cover_is_torchvisions_own(
    images: Tensor,
) -> None:
    smooth = v2.RandomRotation((20, 20), interpolation=v2.InterpolationMode.BILINEAR)
    expected = torch.stack([smooth(image) for image in images])
    assert torch.equal(augment.augment(images, [smooth]), expected)
