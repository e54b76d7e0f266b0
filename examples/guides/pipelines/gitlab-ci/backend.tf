# GitLab stores the state. The pipeline sets the TF_HTTP_ variables.
terraform {
  backend "http" {}
}
