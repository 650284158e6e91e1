"""Where settings come from: the environment, the config file, the system keyring."""
