"""The ordinary training loop, as the coursework writes it: the baseline of the benchmarks."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2


class Images(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's MNIST hands them out: one PIL image at a time, transformed."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Callable[..., Tensor]) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index, 0].numpy())
        return self.transform(image), int(self.labels[index])


def loader(images: Tensor, labels: Tensor, degrees: float | None) -> DataLoader[tuple[Tensor, int]]:
    """Batches of 128, shuffled, without workers: on few cores they cost more than they give."""
    transform = v2.Compose(
        [
            *([v2.RandomRotation(degrees, fill=1)] if degrees else []),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.1307,), (0.3081,)),
        ]
    )
    return DataLoader(Images(images, labels, transform), batch_size=128, shuffle=True)


def epoch(
    network: nn.Module,
    batches: DataLoader[tuple[Tensor, int]],
    optimizer: torch.optim.Optimizer,
) -> float:
    """Train one epoch; the training accuracy as a share, as the coursework prints it."""
    network.train()
    correct = processed = 0
    for images, labels in batches:
        optimizer.zero_grad()
        answers = network(images)
        loss = F.nll_loss(answers, labels)
        loss.backward()
        optimizer.step()
        correct += answers.argmax(dim=1).eq(labels).sum().item()
        processed += len(images)
    return correct / processed
