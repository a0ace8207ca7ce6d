"""Programs that the suite runs: curl, docker, podman, aws and the operator's hooks."""
