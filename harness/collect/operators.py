"""The ATen operators that a submission's graph may call, and those that it must not.

Admitted are those that occur in 225 networks of real submissions, and torch.nn's usual
functional ones. An operator in neither list is the harness's gap, never the learner's fault.
Must not know graphs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

_LAYERS = """
    conv1d conv2d conv2d.padding conv_transpose2d.input linear
    max_pool1d max_pool2d adaptive_max_pool2d
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
    batch_norm group_norm layer_norm instance_norm _weight_norm _weight_norm_interface
    dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_
    feature_alpha_dropout scaled_dot_product_attention rms_norm
"""

_ACTIVATIONS = """
    relu relu_ relu6 elu elu_ selu selu_ celu celu_ silu silu_ mish mish_ gelu leaky_relu
    leaky_relu_ prelu hardtanh hardtanh_ hardswish hardswish_ hardsigmoid hardsigmoid_ softplus
    sigmoid sigmoid_ log_sigmoid tanh tanh_ softmax.int log_softmax.int logsumexp
    hardshrink softshrink threshold threshold_ glu
"""

_ARITHMETIC = """
    add.Tensor add.Scalar add_.Tensor sub.Tensor sub.Scalar rsub.Scalar mul.Tensor mul.Scalar
    mul_.Tensor div.Tensor div.Scalar div.out reciprocal pow.Tensor_Scalar sqrt rsqrt exp log abs
    neg square clamp clamp_min clamp_min_ clamp_max maximum minimum max.other min.other
    sub_.Tensor div_.Tensor
    sum sum.dim_IntList mean mean.dim var var.dim var.correction std std.dim std.correction
    amax amin linalg_vector_norm norm.ScalarOpt_dim matmul mm bmm einsum mv dot
    vdot
"""

_SHAPES = """
    view reshape flatten.using_ints unflatten.int squeeze squeeze.dim squeeze.dims unsqueeze
    permute transpose.int t mT matrix_H movedim.int repeat expand expand_as contiguous clone cat
    stack chunk split.Tensor split_with_sizes slice.Tensor select.int unbind.int sym_size.int pad
    constant_pad_nd im2col col2im pixel_shuffle pixel_unshuffle channel_shuffle
    upsample_nearest2d.vec upsample_bilinear2d.vec detach detach_ alias lift_fresh_copy to.dtype
    to.dtype_layout zeros ones full zeros_like ones_like full_like randn_like
"""


def _functions(*groups: str) -> dict[str, Callable[..., Any]]:
    table: dict[str, Callable[..., Any]] = {"getitem": operator.getitem}
    for name in " ".join(groups).split():
        packet, _, overload = name.partition(".")
        overload = overload or "default"
        found = getattr(getattr(torch.ops.aten, packet, None), overload, None)
        if found is not None:  # an older torch may lack one
            table[f"aten.{packet}.{overload}"] = found
    return table


ADMITTED = _functions(_LAYERS, _ACTIVATIONS, _ARITHMETIC, _SHAPES)
"""The function behind each admitted operator, by the name under which it crosses."""

CHANCE = frozenset(name for name in ADMITTED if "dropout" in name)
"""Operators that draw by chance if their third argument says so."""

CREATED = {
    "aten.zeros.default": torch.ops.aten.new_zeros.default,
    "aten.ones.default": torch.ops.aten.new_ones.default,
    "aten.full.default": torch.ops.aten.new_full.default,
}
"""Operators that make a tensor from nothing, and those that make it where the images are."""

_BY_VALUE = "a number taken out of a tensor depends on all images; keep it a tensor"
_PACKED = "it could unpack several weights from one number; use torch's ordinary arithmetic"
_RANDOM = "random numbers are drawn in training alone, by torch.randn_like or dropout"
_GENERATED = "it makes constants that no parameter holds; use an nn.Parameter"

FORBIDDEN = {
    **dict.fromkeys(["item", "_local_scalar_dense"], _BY_VALUE),
    **dict.fromkeys(
        [
            "rand",
            "randn",
            "rand_like",
            "randint",
            "randperm",
            "bernoulli",
            "bernoulli_",
            "normal",
            "normal_",
            "uniform_",
        ],
        _RANDOM,
    ),
    **dict.fromkeys(
        [
            "floor",
            "floor_",
            "frac",
            "trunc",
            "round",
            "remainder",
            "fmod",
            "floor_divide",
            "ceil",
            "frexp",
            "ldexp",
            "nextafter",
            "sign",
            "real",
            "imag",
            "view.dtype",
            "view_as_real",
            "view_as_complex",
            "complex",
            "bitwise_and",
            "bitwise_or",
            "bitwise_xor",
            "bitwise_not",
            "bitwise_left_shift",
            "bitwise_right_shift",
            "__and__",
            "__or__",
            "__xor__",
            "__lshift__",
            "__rshift__",
        ],
        _PACKED,
    ),
    **dict.fromkeys(
        [
            "arange",
            "linspace",
            "logspace",
            "eye",
            "one_hot",
            "tril",
            "triu",
        ],
        _GENERATED,
    ),
}
"""Operators that no honest network of the exercise needs, and why each is refused."""
