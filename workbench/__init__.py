"""The command line, the audit, the report and the app: where probes and analyses meet."""
