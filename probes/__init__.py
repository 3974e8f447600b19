"""What is the Metric Projector, and what does it need? The only home of torch."""
