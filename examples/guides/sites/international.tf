provider "servicerequest" {
  endpoint  = "https://osm.ap-southeast-3.myhuaweicloud.com"
  language  = "en-us"
  time_zone = "GMT+8"

  # Only for user_name and password:
  auth_url = "https://iam.ap-southeast-3.myhuaweicloud.com"
}
