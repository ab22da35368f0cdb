"""Step 1: a plain network.

Target: A first network of fewer than 4,000 parameters that learns the digits at all.
Result: 3,822 parameters, best training accuracy 95.8, best test accuracy 96.1.
Analysis: Three convolutions, the first two with stride 2, keep the network small and quick. It
gets to 94 % in four epochs and then no further than 96: now and then it falls back, once from
96.1 to 91.9. It does no better on the training images, so this is not overfitting. Perhaps it
is not too small either, and only hard to train.
"""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()

        self.features = nn.Sequential(
            nn.Conv2d(1, 12, kernel_size=3, stride=2),  # 28 x 28 becomes 13 x 13
            nn.ReLU(),
            nn.Conv2d(12, 12, kernel_size=3, stride=2),  # 6 x 6
            nn.ReLU(),
            nn.Conv2d(12, 16, kernel_size=3),  # 4 x 4
            nn.ReLU(),
            nn.MaxPool2d(2),  # 2 x 2
        )
        self.scores = nn.Linear(16 * 2 * 2, 10)  # one score for each digit

    def forward(self, x):
        x = self.features(x)
        x = x.flatten(start_dim=1)
        return F.log_softmax(self.scores(x), dim=1)


recipe = {
    "epochs": 15,
    "batch_size": 32,
    "optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9},
    # Every image is turned and moved a little, anew in each epoch.
    "augment": [{"name": "RandomAffine", "degrees": 5, "translate": (0.05, 0.05)}],
    "loss": "nll_loss",
}
