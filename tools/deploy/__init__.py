"""What a clone ships to Lambda: the module that is built here, in vendor/."""
