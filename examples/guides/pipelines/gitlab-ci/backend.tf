# The state is in GitLab. The pipeline sets the TF_HTTP_ variables.
terraform {
  backend "http" {}
}
