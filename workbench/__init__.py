"""The command line, the pipeline, the report and the app: where probes and analyses meet."""
