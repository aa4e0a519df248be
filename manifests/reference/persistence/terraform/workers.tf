terraform {
  required_version = ">= 1.6"
  required_providers {
    multipass = {
      source  = "larstobi/multipass"
      version = "~> 1.4"
    }
  }
}

variable "worker_count" {
  description = "Three Raft members need three nodes."
  type        = number
  default     = 3
}

# multipass counts in powers of 1024: this is 80Gi. A 50Gi ClickHouse volume and 20Gi of Vault share a disk with the
# system, so the documented 50G hold no replica of ClickHouse; variants/50g.tfvars is the documented beginning.
variable "worker_disk" {
  type    = string
  default = "80G"
}

resource "multipass_instance" "worker" {
  count  = var.worker_count
  name   = "k8s-worker-${count.index}"
  cpus   = 4
  memory = "8G"
  disk   = var.worker_disk
  image  = "24.04"
}
