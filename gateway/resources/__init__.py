"""What one may do with each resource, and its rules: the APIs, the CLI and the console all call these."""
