"""Checks with real client programs: docker, podman, aws, rclone and others."""
