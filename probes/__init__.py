"""The Metric Projector and what it needs: label anchors, losses, training, evaluation. The home of torch."""
