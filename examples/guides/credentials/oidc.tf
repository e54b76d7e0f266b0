provider "servicerequest" {
  endpoint     = "https://osm.ap-southeast-3.myhuaweicloud.com"
  sts_endpoint = "https://sts.ap-southeast-3.myhuaweicloud.com"

  assume_agency_with_oidc = {
    provider_urn = "iam::0123456789abcdef0123456789abcdef:oidcProvider:github"
    agency_urn   = "iam::0123456789abcdef0123456789abcdef:agency:ticket-messages"
    audience     = "huaweicloud"
  }
}
