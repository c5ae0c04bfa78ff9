"""The version people see and analytics records."""

VERSION = "0.1.0"
