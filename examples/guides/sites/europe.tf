provider "servicerequest" {
  endpoint  = "https://osm.eu-west-101.myhuaweicloud.eu"
  language  = "en-us"
  time_zone = "GMT+1"

  # Only for user_name and password:
  auth_url = "https://iam.eu-west-101.myhuaweicloud.eu"
}
