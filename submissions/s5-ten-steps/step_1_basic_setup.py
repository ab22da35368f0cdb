"""Step 1: a basic setup.

Target: Transforms, data loaders, a network, a training loop and a test loop that work together.
Result: 75,828 parameters, best training accuracy 99.16, best test accuracy 98.72.
Analysis: A heavy network with many parameters. The model is over-fitting. The next step makes it
lighter.
"""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()

        self.before_pooling = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, bias=False),  # 26 x 26, sees 3 x 3
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, bias=False),  # 24 x 24, sees 5 x 5
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=3, bias=False),  # 22 x 22, sees 7 x 7
            nn.ReLU(),
        )

        self.pooling = nn.MaxPool2d(2)  # 11 x 11, sees 8 x 8

        self.after_pooling = nn.Sequential(
            nn.Conv2d(64, 16, kernel_size=1, bias=False),  # 11 x 11, sees 8 x 8
            nn.ReLU(),
            nn.Conv2d(16, 64, kernel_size=3, bias=False),  # 9 x 9, sees 12 x 12
            nn.ReLU(),
            nn.Conv2d(64, 64, kernel_size=3, bias=False),  # 7 x 7, sees 16 x 16
            nn.ReLU(),
            nn.Conv2d(64, 10, kernel_size=1, bias=False),  # 7 x 7, sees 16 x 16
            nn.ReLU(),
        )

        # One large kernel gives one score for each digit, so no ReLU follows.
        self.scores = nn.Conv2d(10, 10, kernel_size=7, bias=False)  # 1 x 1, sees 28 x 28

    def forward(self, x):
        x = self.before_pooling(x)
        x = self.pooling(x)
        x = self.after_pooling(x)
        x = self.scores(x)
        x = x.flatten(start_dim=1)  # [N, 10, 1, 1] becomes [N, 10]
        return F.log_softmax(x, dim=1)


recipe = {
    "epochs": 15,
    "batch_size": 128,
    "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
    "loss": "nll_loss",
}
