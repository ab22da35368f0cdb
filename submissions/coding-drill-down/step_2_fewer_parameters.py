"""Step 2: fewer parameters.

Target: Make the network lighter. Fewer channels, most of them before max-pooling; global average
pooling instead of the large 7 x 7 kernel at the end; and the transition already where a pixel sees
5 x 5 instead of 7 x 7, because in images this small edges and gradients show that early.
Result: 9,712 parameters, best training accuracy 98.44, best test accuracy 98.53.
Analysis: For its size it does well, and the model is not overfitting. What it lacks is accuracy, of
which there is more to be had.
"""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()

        self.before_pooling = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1, bias=False),  # 28 x 28, sees 3 x 3
            nn.ReLU(),
            nn.Conv2d(16, 24, kernel_size=3, bias=False),  # 26 x 26, sees 5 x 5
            nn.ReLU(),
        )

        self.transition = nn.Sequential(
            nn.MaxPool2d(2),  # 13 x 13, sees 6 x 6
            nn.Conv2d(24, 8, kernel_size=1, bias=False),  # 13 x 13, sees 6 x 6
            nn.ReLU(),
        )

        self.after_pooling = nn.Sequential(
            nn.Conv2d(8, 16, kernel_size=3, bias=False),  # 11 x 11, sees 10 x 10
            nn.ReLU(),
            nn.Conv2d(16, 16, kernel_size=3, bias=False),  # 9 x 9, sees 14 x 14
            nn.ReLU(),
            nn.Conv2d(16, 16, kernel_size=3, bias=False),  # 7 x 7, sees 18 x 18
            nn.ReLU(),
        )

        # Global average pooling; one score for each digit, so no ReLU follows.
        self.average = nn.AvgPool2d(7)  # 1 x 1, sees 28 x 28
        self.scores = nn.Conv2d(16, 10, kernel_size=1, bias=False)  # 1 x 1, sees 28 x 28

    def forward(self, x):
        x = self.before_pooling(x)
        x = self.transition(x)
        x = self.after_pooling(x)
        x = self.average(x)
        x = self.scores(x)
        x = x.flatten(start_dim=1)  # [N, 10, 1, 1] becomes [N, 10]
        return F.log_softmax(x, dim=1)


recipe = {
    "epochs": 15,
    "batch_size": 128,
    "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
    "normalize": {"mean": 0.1309, "std": 0.3084},
    "loss": "nll_loss",
}
