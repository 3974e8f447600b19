"""Which statistics does the workbench compute? Tables and arrays in, tables out; no model, no user interface."""
