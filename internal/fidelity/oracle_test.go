package fidelity

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

// order is a request in the terms of Huawei's SDK: nothing in it is escaped, and its headers are a map from names,
// in whatever case, to single values.
type order struct {
	name     string
	method   string
	endpoint string
	path     string
	query    map[string][]string
	header   map[string]string
	body     string
	key      signing.Key
	date     time.Time
}

// sdk has Huawei's SDK sign the order, and returns the request that the SDK would send, without its signature, and
// the Authorization header that would be on it.
func (o order) sdk(t testing.TB) (req *http.Request, authorization string) {
	t.Helper()
	builder := request.NewHttpRequestBuilder().
		WithMethod(o.method).
		WithEndpoint(o.endpoint).
		WithPath(o.path).
		WithBody("", o.body)
	for name, values := range o.query {
		// The SDK sets parameters by reflection: a plain string is silently not sent.
		builder.AddQueryParam(name, reflect.ValueOf(values))
	}
	for name, value := range o.header {
		builder.AddHeaderParam(name, value)
	}
	// The SDK has no other way to be given the time.
	builder.AddHeaderParam(signing.HeaderDate, o.date.UTC().Format(signing.DateFormat))

	sdk := builder.Build()
	headers, err := signer.Sign(sdk, o.key.AccessKey, o.key.SecretKey)
	if err != nil {
		t.Fatalf("%s: the SDK cannot sign: %v", o.name, err)
	}
	req, err = sdk.ConvertRequest()
	if err != nil {
		t.Fatalf("%s: the SDK cannot build the request: %v", o.name, err)
	}
	return req, headers[signer.HeaderAuthorization]
}
