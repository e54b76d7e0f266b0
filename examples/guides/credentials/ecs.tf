provider "servicerequest" {
  endpoint   = "https://osm.ap-southeast-3.myhuaweicloud.com"
  ecs_agency = true
  domain_id  = "0123456789abcdef0123456789abcdef"
}
