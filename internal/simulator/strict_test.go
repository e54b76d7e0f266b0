package simulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// verdict is the error code of an answer, "" for none.
func verdict(t *testing.T, r *httptest.ResponseRecorder) string {
	t.Helper()
	body := bodyOf(r)
	var e wireError
	if body != "" {
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatalf("%v in %q", err, body)
		}
	}
	if r.Header().Get("X-Request-Id") == "" || r.Header().Get("Date") == "" || r.Header().Get("Content-Type") == "" {
		t.Errorf("an answer without X-Request-Id, Date or Content-Type: %v", r.Header())
	}
	return fmt.Sprint(r.Code, " ", e.Code)
}

const (
	accepted  = "200 "
	bad       = "400 OSM.0001"
	outside   = "200 OSM.01010001"
	forbidden = "200 OSM.01010002"
	unknownID = "200 OSM.01010015"
	noRoute   = "404 APIGW.0101"
	badMethod = "405 APIGW.0101"
)

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

// Each refusal stands next to what is just accepted.
func TestSubmitIsStrict(t *testing.T) {
	message := func(content string) string { return `{"message":{"content":"` + content + `"}}` }
	with := func(member string) string { return `{"message":{"content":"x"` + member + `}}` }
	group := func(id string) string { return `{"group_id":` + id + `,"message":{"content":"x"}}` }
	ids := func(n int, id string) string {
		return with(`,"accessory_ids":[` + strings.TrimSuffix(strings.Repeat(`"`+id+`",`, n), ",") + `]`)
	}
	x := func(n int) string { return strings.Repeat("x", n) }

	for _, c := range []struct {
		name, body, want string
		change           func(*http.Request)
	}{
		{"minimal", message("x"), accepted, nil},
		{"trailing", message("x") + "{}", bad, nil},
		{"cut off", `{"message":`, bad, nil},
		{"array", `[{"message":{"content":"x"}}]`, bad, nil},
		{"empty", "{}", bad, nil},
		{"other case", `{"Message":{"content":"x"}}`, bad, nil},
		{"unknown member", `{"message":{"content":"x"},"x":1}`, bad, nil},
		{"unknown member within", with(`,"x":1`), bad, nil},
		{"repeated member", `{"message":{"content":"x"},"message":{"content":"x"}}`, bad, nil},
		{"repeated member within", with(`,"content":"x"`), bad, nil},
		{"invalid UTF-8", message("\xff"), bad, nil},
		{"content missing", `{"message":{}}`, bad, nil},
		{"content is null", `{"message":{"content":null}}`, bad, nil},
		{"content is a number", `{"message":{"content":1}}`, bad, nil},
		{"content empty", message(""), accepted, nil},
		{"content 10000", message(x(10000)), accepted, nil},
		{"content 10000 wide", message(strings.Repeat("😀", 10000)), accepted, nil},
		{"content 10001", message(x(10001)), outside, nil},
		{"ids empty", ids(0, ""), accepted, nil},
		{"id a number", with(`,"accessory_ids":[1]`), bad, nil},
		{"ids 10", ids(10, "a"), accepted, nil},
		{"ids 11", ids(11, "a"), outside, nil},
		{"id 64", ids(1, x(64)), accepted, nil},
		{"id 65", ids(1, x(65)), outside, nil},
		{"id empty", ids(1, ""), outside, nil},
		{"group empty", group(`""`), accepted, nil},
		{"group 64", group(`"` + x(64) + `"`), accepted, nil},
		{"group 65", group(`"` + x(65) + `"`), outside, nil},

		{"charset", message("x"), accepted, header("Content-Type", "application/json; charset=UTF-8")},
		{"other charset", message("x"), bad, header("Content-Type", "application/json; charset=latin1")},
		{"other parameter", message("x"), bad, header("Content-Type", "application/json; version=1")},
		{"other type", message("x"), bad, header("Content-Type", "text/plain")},
		{"no type", message("x"), bad, header("Content-Type")},
		{"two types", message("x"), bad, header("Content-Type", "application/json", "application/json")},
		{"encoded", message("x"), bad, header("Content-Encoding", "gzip")},
		{"language", message("x"), accepted, header("X-Language", x(32))},
		{"long language", message("x"), bad, header("X-Language", x(33))},
		{"empty language", message("x"), bad, header("X-Language", "")},
		{"two languages", message("x"), bad, header("X-Language", "en-us", "zh-cn")},
		{"long zone", message("x"), bad, header("X-Time-Zone", x(33))},
		{"two zones", message("x"), bad, header("X-Time-Zone", "GMT+8", "GMT+8")},
		{"site 0", message("x"), accepted, header("X-Site", "0")},
		{"site 1", message("x"), accepted, header("X-Site", "1")},
		{"site 2", message("x"), bad, header("X-Site", "2")},
		{"empty site", message("x"), bad, header("X-Site", "")},
		{"two sites", message("x"), bad, header("X-Site", "0", "0")},
		{"long token", message("x"), bad, header("X-Auth-Token", x(5001))},
		{"two tokens", message("x"), bad, header("X-Auth-Token", "t", "t")},
		{"query", message("x"), bad, func(r *http.Request) { r.URL.RawQuery = "a=b" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := service(Options{})
			check(t, "verdict", verdict(t, ask(t, s, "POST", submitPath, c.body, c.change)), c.want)
			committed := len(s.Messages("case-123")) == 1
			if r := s.Requests()[0]; committed != (c.want == accepted) || committed != r.Committed {
				t.Errorf("committed: %v, recorded: %v", committed, r.Committed)
			}
		})
	}
}

func TestBodySize(t *testing.T) {
	s := service(Options{})
	fill := func(n int) string { return `{"message":{"content":"x"}}` + strings.Repeat(" ", n-27) }
	check(t, "12 MB", verdict(t, ask(t, s, "POST", submitPath, fill(maxBody))), accepted)
	const large = "413 APIGW.0201"
	check(t, "more", verdict(t, ask(t, s, "POST", submitPath, fill(maxBody+1))), large)
	unknown := func(r *http.Request) { r.ContentLength = -1 }
	check(t, "more, of unknown length", verdict(t, ask(t, s, "POST", submitPath, fill(maxBody+1), unknown)), large)
	check(t, "authentication must come first", verdict(t, ask(t, s, "POST", submitPath, fill(maxBody+1), header("X-Auth-Token", "x"))), "401 APIGW.0301")
	unread := func(r *http.Request) {
		r.ContentLength, r.Body = maxBody+1, io.NopCloser(iotest.ErrReader(errors.New("read")))
	}
	check(t, "more, announced", submitting(t, s, unread), large)
	if n := len(s.Requests()[0].Body); n != maxRecorded {
		t.Errorf("recorded %d bytes", n)
	}
}

func TestPaths(t *testing.T) {
	const base = "/v2/servicerequest/cases/"
	long := strings.Repeat("x", 64)
	s := service(Options{})
	for _, id := range []string{"a/b", "ü 😀", "a%2Fb", "..x", "a+b", long} {
		s.AddCase(Case{ID: id})
	}
	for _, c := range []struct{ method, path, want string }{
		{"POST", base + "case-123/message", accepted},
		{"POST", base + "a%2Fb/message", accepted},
		{"POST", base + "a%252Fb/message", accepted},
		{"POST", base + "a+b/message", accepted},
		{"POST", base + "%C3%BC%20%F0%9F%98%80/message", accepted},
		{"POST", base + "..x/message", accepted},
		{"POST", base + long + "/message", accepted},
		{"POST", base + long + "x/message", outside},
		{"POST", base + "%FF/message", bad},
		{"POST", base + "case-124/message", unknownID},
		{"POST", base + "a/b/message", noRoute},
		{"POST", base + "/message", noRoute},
		{"POST", base + "../message", noRoute},
		{"POST", base + "x/../case-123/message", noRoute},
		{"POST", "/" + base + "case-123/message", noRoute},
		{"POST", base + "case-123/message/", noRoute},
		{"GET", base + "case-123/message", badMethod},
		{"HEAD", base + "case-123/messages", badMethod},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			body := ""
			if c.method == "POST" {
				body = `{"message":{"content":"x"}}`
			}
			r := ask(t, s, c.method, "http://service"+c.path, body)
			check(t, "verdict", verdict(t, r), c.want)
			if allow := r.Header().Get("Allow"); (allow != "") != (c.want == badMethod) {
				t.Errorf("Allow %q", allow)
			}
			requests := s.Requests()
			last := requests[len(requests)-1]
			if last.Path != c.path || (last.Operation == OpUnknown) != (c.want == noRoute || c.want == badMethod) {
				t.Errorf("recorded %+v", last)
			}
		})
	}
}

func TestGroup(t *testing.T) {
	s := service(Options{})
	s.AddCase(Case{ID: "shared", GroupID: "g"})
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "cases/shared/message", `{"group_id":"g","message":{"content":"x"}}`, accepted},
		{"POST", "cases/shared/message", `{"group_id":"h","message":{"content":"x"}}`, forbidden},
		{"POST", "cases/shared/message", `{"message":{"content":"x"}}`, forbidden},
		{"GET", "cases/shared/messages?group_id=g", "", accepted},
		{"GET", "cases/shared/messages", "", forbidden},
		{"GET", "cases/shared?group_id=g", "", accepted},
		{"GET", "cases/shared?group_id=h", "", forbidden},
		{"GET", "cases/shared/status", "", accepted},
	} {
		check(t, c.method+" "+c.path+" "+c.body, verdict(t, ask(t, s, c.method, "/v2/servicerequest/"+c.path, c.body)), c.want)
	}
}

func TestReadingIsStrict(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	s := service(Options{})
	for _, c := range []struct{ target, want string }{
		{"cases/case-123/messages?group_id=&offset=0&limit=0&trim_osm_rich_text_label=true", accepted},
		{"cases/case-123/messages?group_id=" + x(64) + "&offset=65535&limit=100&trim_osm_rich_text_label=false", accepted},
		{"cases/case-123/messages?group_id=" + x(65), outside},
		{"cases/case-123/messages?offset=65536", outside},
		{"cases/case-123/messages?offset=-1", outside},
		{"cases/case-123/messages?offset=", bad},
		{"cases/case-123/messages?offset=%2B1", bad},
		{"cases/case-123/messages?limit=101", outside},
		{"cases/case-123/messages?limit=ten", bad},
		{"cases/case-123/messages?limit=1&limit=1", bad},
		{"cases/case-123/messages?Limit=1", bad},
		{"cases/case-123/messages?trim_osm_rich_text_label=False", bad},
		{"cases/case-123/messages?limit=%zz", bad},
		{"cases/case-123/messages?group_id=%FF", bad},
		{"cases/case-124/messages", unknownID},
		{"cases/case-123?limit=1", bad},
		{"cases/case-123/status?group_id=g", bad},
		{"cases?search_key=a&search_key=b&label_id_list=1&label_id_list=2", accepted},
		{"cases?label_id_list=1&label_id_list=2&label_id_list=3&label_id_list=4&label_id_list=5&label_id_list=6", outside},
		{"cases?status=17", accepted},
		{"cases?status=6", outside},
		{"cases?status=-1", outside},
		{"cases?query_start_time=2026-01-02T03:04:05Z", accepted},
		{"cases?query_start_time=yesterday", bad},
		{"cases?app=x", bad},
	} {
		check(t, c.target, verdict(t, ask(t, s, "GET", "/v2/servicerequest/"+c.target, "")), c.want)
	}
	check(t, "GET with a body", verdict(t, ask(t, s, "GET", "/v2/servicerequest/cases", "{}")), bad)
}

func TestUploadIsStrict(t *testing.T) {
	data := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	full := func(name, from, mode, data string) string {
		return fmt.Sprintf(`{"accessory_name":%s,"accessory_from":%s,"upload_type":%s,"accessory_data":%s}`, name, from, mode, data)
	}
	name := func(n string) string { return full(n, `"message"`, "0", `"eA=="`) }
	s := service(Options{})
	for _, c := range []struct{ name, body, want string }{
		{"message", name(`"a.txt"`), accepted},
		{"incident, markdown", full(`"a.txt"`, `"incident"`, "1", `"eA=="`), accepted},
		{"no upload_type", `{"accessory_name":"a.txt","accessory_from":"message","accessory_data":"eA=="}`, accepted},
		{"no name", `{"accessory_from":"message","accessory_data":"eA=="}`, bad},
		{"no from", `{"accessory_name":"a.txt","accessory_data":"eA=="}`, bad},
		{"no data", `{"accessory_name":"a.txt","accessory_from":"message"}`, bad},
		{"name empty", name(`""`), outside},
		{"name 512", name(`"` + strings.Repeat("ü", 508) + `.txt"`), accepted},
		{"name 513", name(`"` + strings.Repeat("ü", 509) + `.txt"`), outside},
		{"name with a path", name(`"a/b.txt"`), outside},
		{"name with a backslash", name(`"a\\b.txt"`), outside},
		{"name with a control character", name(`"a\n.txt"`), outside},
		{"upper case type", name(`"a.PNG"`), accepted},
		{"type not listed", name(`"a.exe"`), outside},
		{"no type", name(`"txt"`), outside},
		{"from unknown", full(`"a.txt"`, `"case"`, "0", `"eA=="`), outside},
		{"mode 2", full(`"a.txt"`, `"message"`, "2", `"eA=="`), outside},
		{"base64 without padding", full(`"a.txt"`, `"message"`, "0", `"eA"`), bad},
		{"base64 with stray bits", full(`"a.txt"`, `"message"`, "0", `"eB=="`), bad},
		{"base64 for URLs", full(`"a.txt"`, `"message"`, "0", `"_-8="`), bad},
		{"base64 in lines", full(`"a.txt"`, `"message"`, "0", `"eA\n=="`), bad},
		{"empty file", full(`"a.txt"`, `"message"`, "0", `""`), outside},
		{"2 MB", full(`"a.txt"`, `"message"`, "0", `"`+data(2<<20)+`"`), accepted},
		{"more", full(`"a.txt"`, `"message"`, "0", `"`+data(2<<20+1)+`"`), outside},
	} {
		check(t, c.name, verdict(t, ask(t, s, "POST", "/v2/servicerequest/accessorys/json-format-content", c.body)), c.want)
	}
}
