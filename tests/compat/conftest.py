"""The scripts are programs to be run, not modules to be imported."""

collect_ignore_glob = ["scripts/*"]
