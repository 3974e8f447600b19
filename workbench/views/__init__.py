"""The pages of the app; each module renders one view of one saved audit."""
