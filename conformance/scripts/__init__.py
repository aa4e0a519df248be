"""Reading what surrounds the manifests: shell scripts, crontabs, HCL. Nothing is ever run."""
