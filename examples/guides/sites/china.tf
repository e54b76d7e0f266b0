provider "servicerequest" {
  endpoint  = "https://osm.cn-south-1.myhuaweicloud.com"
  language  = "zh-cn"
  time_zone = "GMT+8"

  # Only for user_name and password:
  auth_url = "https://iam.cn-south-1.myhuaweicloud.com"
}
