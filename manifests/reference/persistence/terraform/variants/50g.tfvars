# The first three months of the documented plan: terraform apply -var-file=variants/50g.tfvars
worker_disk = "50G"
