provider "servicerequest" {
  endpoint    = "https://osm.eu-west-101.myhuaweicloud.eu"
  auth_url    = "https://iam.eu-west-101.myhuaweicloud.eu"
  domain_name = "account"

  assume_agency_with_oidc = {
    idp_id   = "github"
    audience = "huaweicloud"
  }
}
