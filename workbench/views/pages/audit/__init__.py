"""The pages of an audit."""
