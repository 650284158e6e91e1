"""What `doctor` checks: the machine, the folder, the service. Each check returns a finding."""
