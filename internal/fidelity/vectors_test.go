// Package fidelity compares this provider with Huawei Cloud's own Go SDK, which is taken as it comes:
//
//   - the vectors with which internal/signing tests itself are what the SDK says, byte for byte (TestVectors);
//   - the SDK's client of the service gets along with internal/simulator (TestTheSDKDrivesTheSimulator);
//   - the provider's client posts a message as the SDK does (TestTheProviderPostsAsTheSDKDoes).
//
// It is a module of its own so that the SDK does not enter the provider's dependencies, and so that the provider's
// tests run without it. To run it, or to write the vectors anew:
//
//	cd internal/fidelity && go test ./...
//	cd internal/fidelity && go test -run TestVectors -update
//
// The module builds the provider from ../.., and so shares a few dependencies with it: after those have changed
// there, run go mod tidy here.
package fidelity

import (
	"bytes"
	"encoding/json"
	"flag"
	"iter"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

var update = flag.Bool("update", false, "write the vectors of internal/signing instead of comparing with them")

const (
	vectorsFile = "../signing/testdata/vectors.json"

	// vectorsLimit is the size, in bytes, beyond which the vectors are a burden for those who clone the repository.
	vectorsLimit = 200_000
)

// vector is one request as it goes over the wire, and the Authorization header that Huawei's SDK gives it.
type vector struct {
	Name          string
	AccessKey     string
	SecretKey     string
	Date          string
	Method        string
	Host          string
	Path          string // escaped
	Query         string
	Header        http.Header `json:",omitempty"`
	Body          string      `json:",omitempty"`
	Authorization string
}

// TestVectors holds the vectors with which the provider tests itself, without the SDK, against the SDK.
func TestVectors(t *testing.T) {
	t.Parallel()
	var vectors []vector
	for _, o := range vectorOrders() {
		vectors = append(vectors, o.vector(t))
	}

	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(vectors); err != nil {
		t.Fatal(err)
	}
	if want.Len() > vectorsLimit {
		t.Errorf("the vectors have %d bytes; keep them below %d", want.Len(), vectorsLimit)
	}

	if *update {
		if err := os.WriteFile(vectorsFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what Huawei's SDK says; to write it anew: go test -run TestVectors -update", vectorsFile)
	}
}

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

// vector has Huawei's SDK sign the order, and returns the request that the SDK would send.
func (o order) vector(t *testing.T) vector {
	t.Helper()
	if !utf8.ValidString(o.body) {
		t.Fatalf("%s: JSON cannot hold the body", o.name)
	}
	builder := request.NewHttpRequestBuilder().WithMethod(o.method).WithEndpoint(o.endpoint).WithPath(o.path).WithBody("", o.body)
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
	headers := ok(signer.Sign(sdk, o.key.AccessKey, o.key.SecretKey))
	req := ok(sdk.ConvertRequest())
	req.Header.Del(signer.HeaderXDate)
	for _, values := range req.Header {
		// The SDK sends them in any order; this one is not that of the signature.
		slices.Sort(values)
		slices.Reverse(values)
	}
	return vector{
		Name:          o.name,
		AccessKey:     o.key.AccessKey,
		SecretKey:     o.key.SecretKey,
		Date:          o.date.UTC().Format(signing.DateFormat),
		Method:        req.Method,
		Host:          req.URL.Host,
		Path:          req.URL.EscapedPath(),
		Query:         req.URL.RawQuery,
		Header:        req.Header,
		Body:          o.body,
		Authorization: headers[signer.HeaderAuthorization],
	}
}

// vectorOrders returns the requests that become vectors: the calls of the service, and what is easy to sign wrongly.
func vectorOrders() []order {
	const message = "/v2/servicerequest/cases/TT201801020526/message"
	submit := `{"message":{"content":"test","accessory_ids":[]},"group_id":"123456"}` + "\n"
	plain := map[string]string{"Content-Type": "application/json"}

	with := func(pairs ...string) map[string]string {
		header := map[string]string{"Content-Type": "application/json"}
		for i := 0; i < len(pairs); i += 2 {
			header[pairs[i]] = pairs[i+1]
		}
		return header
	}

	orders := []order{
		{name: "submit", method: "POST", path: message, header: plain, body: submit},
		{name: "submit with a domain", method: "POST", path: message, header: with("X-Domain-Id", "0123456789abcdef0123456789abcdef"), body: submit},
		{name: "submit with a temporary key", method: "POST", path: message, header: with("X-Security-Token", "ggljbi1ub3J0aC00jQ=="), body: submit},
		{name: "submit with everything", method: "POST", path: message, header: with(
			"X-Domain-Id", "0123456789abcdef0123456789abcdef", "X-Security-Token", "ggljbi1ub3J0aC00jQ==", "X-Language", "en-us",
			"X-Time-Zone", "GMT+8", "X-Site", "1", "User-Agent", "huaweicloud-usdk-go/3.0; Go 1.26"), body: submit},
		{name: "submit Unicode", method: "POST", path: message, header: plain, body: `{"message":{"content":"无法登录 🎫 naïve\u0000"}}`},
		{name: "submit a long text", method: "POST", path: message, header: plain, body: `{"message":{"content":"` + strings.Repeat("长", 10_000) + `"}}`},
		{name: "list", method: "GET", path: "/v2/servicerequest/cases/case-123/messages", header: plain, query: map[string][]string{
			"group_id": {"123456"}, "offset": {"0"}, "limit": {"100"}, "trim_osm_rich_text_label": {"false"}}},
		{name: "detail", method: "GET", path: "/v2/servicerequest/cases/case-123", header: plain},
		{name: "status", method: "GET", path: "/v2/servicerequest/cases/case-123/status", header: plain},
		{name: "cases", method: "GET", path: "/v2/servicerequest/cases", query: map[string][]string{
			"search_key": {"无法 登录"}, "label_id_list": {"1", "22", "3"}, "query_start_time": {"2026-01-02 03:04:05"}, "x_customer_id": {""}}},
		{name: "upload", method: "POST", path: "/v2/servicerequest/accessorys/json-format-content", header: plain,
			body: `{"accessory_name":"a.txt","accessory_from":"message","upload_type":0,"accessory_data":"aGVsbG8="}`},
		{name: "limits", method: "GET", path: "/v2/servicerequest/accessorys/limits"},
		{name: "delete", method: "DELETE", path: "/v2/servicerequest/accessorys/5f8e1c2d"},
	}

	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		orders = append(orders, order{name: "method " + method, method: method, path: message})
	}

	for name, path := range sorted(map[string]string{
		"empty": "", "root": "/", "trailing slash": message + "/", "two slashes": "/a//b", "two trailing slashes": "/a//",
		"space": "/cases/a b/message", "encoded slash": "/cases/a%2Fb/message", "percent": "/cases/100%/message",
		"Unicode": "/cases/工单-1/message", "emoji": "/cases/🎫/message", "combining": "/cases/e\u0301/message",
		"left alone when sent": "/cases/$&+,:;=@/message", "escaped when sent": "/cases/!'()*[]?#\"<>\\^`{|}/message",
		"unreserved": "/cases/-_.~0123456789azAZ/message", "dots": "/cases/../message", "control": "/cases/\t\r\n\x7f/message",
		"lower-case hex": "/cases/%e5%b7%a5/message", "plus": "/cases/a+b/message", "64 characters": "/cases/" + strings.Repeat("TT20180102052600", 4) + "/message",
	}) {
		orders = append(orders, order{name: "path " + name, method: "POST", path: path, header: plain, body: submit})
	}

	for name, query := range sorted(map[string]map[string][]string{
		"empty value": {"a": {""}}, "last value empty": {"a": {"1"}, "b": {""}}, "first value empty": {"a": {""}, "b": {"1"}},
		"no value": {"a": {}}, "repeated key": {"a": {"2", "10", "1", "1"}}, "space": {"a b": {"c d"}}, "plus": {"a+b": {"c+d"}},
		"equals": {"a=b": {"=c="}}, "ampersand": {"a&b": {"&"}}, "semicolon": {"a;b": {";"}}, "percent": {"%25": {"%zz"}},
		"upper case before lower":         {"B": {"1"}, "a": {"2"}, "A": {"3"}, "b": {"4"}},
		"keys that sort otherwise raw":    {"a": {"1"}, "a[0]": {"2"}, "a-b": {"3"}, "a.b": {"4"}, "a{": {"5"}, "aé": {"6"}, "a0": {"7"}, "aZ": {"8"}},
		"values that sort otherwise raw":  {"a": {"{", "z", "é", "Z", "0", "~", "[", " ", "-"}},
		"key that is a prefix of another": {"key": {"z"}, "key1": {"a"}, "key-1": {"b"}},
		"Unicode":                         {"键": {"值", "é"}, "🎫": {"漢字"}},
		"reserved":                        {"q": {"!*'();:@&=+$,/?#[]\"<>\\^`{|}~-_."}},
	}) {
		orders = append(orders, order{name: "query " + name, method: "GET", path: "/v2/servicerequest/cases", query: query})
	}

	for name, header := range sorted(map[string]map[string]string{
		"none": {}, "mixed case": {"x-DOMAIN-id": "d", "X-Language": "zh-cn"}, "empty": {"X-Empty": ""},
		"spaces around": {"X-Spaced": " \t in  between \t"}, "only spaces": {"X-Spaced": "   "},
		"Unicode": {"X-Name": "工程师"}, "no-break space around": {"X-Spaced": "\u00a0a\u00a0"},
		"underscore": {"X_Trace_Id": "1", "X-Trace-Id": "2"}, "several values": {"X-Several": "b", "x-several": "a", "X-SEVERAL": "B"},
		"several values that are equal": {"X-Several": "a", "x-several": "a"},
		"host":                          {"Host": "osm.eu-west-101.myhuaweicloud.eu"}, "content type prefix": {"Content-Type-Options": "1", "Content-Language": "en"},
		"content type in lower case": {"content-type": "application/json"}, "order": {"X-B": "1", "X-A": "2", "X-A-B": "3", "X-AB": "4", "X-A.B": "5"},
		"body that is not JSON": {"Content-Type": "application/octet-stream"}, "declared content hash": {"X-Sdk-Content-Sha256": "0123"},
	}) {
		orders = append(orders, order{name: "header " + name, method: "POST", path: message, header: header, body: submit})
	}

	for name, body := range sorted(map[string]string{
		"empty": "", "newline": "\n", "NUL": "a\x00b", "large": strings.Repeat("0123456789abcdef", 2048), "HTML": "<b>&</b>\u2028",
	}) {
		orders = append(orders, order{name: "body " + name, method: "POST", path: message, header: plain, body: body})
	}

	for i := range orders {
		o := &orders[i]
		o.endpoint = "https://osm.eu-west-101.myhuaweicloud.eu"
		o.key = signing.Key{AccessKey: "EXAMPLEACCESSKEY0001", SecretKey: "example/secret+key=0123456789abcdefghijkl"}
		o.date = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC).AddDate(0, 0, i)
	}
	orders = append(orders,
		order{name: "endpoint with a port", method: "POST", endpoint: "http://127.0.0.1:8080", path: message, header: with("Host", "127.0.0.1:8080"),
			body: submit, key: signing.Key{AccessKey: "A", SecretKey: "S"}, date: time.Unix(0, 0)},
		order{name: "long secret key", method: "POST", endpoint: "http://127.0.0.1:8080", path: message,
			body: submit, key: signing.Key{AccessKey: "A", SecretKey: strings.Repeat("密", 100)}, date: time.Unix(4e9, 0)},
	)
	return orders
}

// sorted goes through m in the order of its keys, so that the vectors are written alike each time.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
