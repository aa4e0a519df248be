"""Recovery drills: clusters that this run made, faults, waiting, measuring, evidence. Never an ambient kubeconfig."""
