package servicerequest

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// FuzzClassify: an answer is a success only if it is from the service and has no
// error code.
func FuzzClassify(f *testing.F) {
	for _, body := range []string{"", " ", "{}", "null", "[]", `{"error_code":""}`, `{"error_code":null}`, `{"error_code":"OSM.01010014"}`,
		`{"error_code":"OSM.01010015","error_msg":"x"}`, `{"error_msg":"x"}`, `{"error_code":0}`, `{"error_code":"`, `{"Error_Code":"X","error_code":""}`,
		`{"error_code":"","error_code":"X"}`, "<html>", "\ufeff{}", "{}{}", "0",
		`{"a":1}`, `{ "a" : -1.5e3 , "b":true}`, `{"a":"x\"y\\","b":null,"c":false}`, `{"a":{"b":[1,"]}",{}]},"c":[]}`, `{"a\u0062\"":"",` + "\n\t" + `"":[[],{}] }`, `{"a":"{","b":"}"}`} {
		f.Add(200, []byte(body), false, true)
	}
	for _, status := range []int{100, 204, 301, 400, 401, 408, 429, 500, 503} {
		f.Add(status, []byte("{}"), false, true)
	}
	f.Add(0, []byte(nil), true, false)
	f.Fuzz(func(t *testing.T, status int, body []byte, cut, connected bool) {
		o := observation{status: status, body: body, connected: connected, header: http.Header{}, delimited: true}
		if cut {
			o.bodyErr = io.ErrUnexpectedEOF
		}
		got, reason := classify(o)
		if reason == "" || reason == "no rule" {
			t.Fatal("no reason")
		}
		a := parseAnswer(body)
		if got == Submitted {
			var members map[string]any
			trimmed := strings.Trim(string(body), " \t\r\n")
			if status != 200 || cut || trimmed != "" && json.Unmarshal(body, &members) != nil {
				t.Fatalf("submitted by %d %q", status, body)
			}
			for name, value := range members {
				if name != "error_code" && name != "error_msg" || value != nil && value != "" {
					t.Fatalf("submitted by %q", body)
				}
			}
		}
		if got == NotExecuted || got == Unauthenticated && status != 401 || got == Throttled && status != 429 {
			t.Fatalf("%v by %d %q", got, status, body)
		}
		if got == Rejected && status == 200 && rejectingCodes[a.Code] == CauseOther {
			t.Fatalf("rejected by %q", body)
		}
		if status/100 == 5 && got != Unknown {
			t.Fatalf("%v by %d", got, status)
		}
		o.unreadable(a) // must not panic
		if a.object {
			want, got := map[string]json.RawMessage{}, map[string]json.RawMessage{}
			n := 0
			for name, value := range members(body) {
				got[name] = value
				n++
			}
			if json.Unmarshal(body, &want) != nil || !reflect.DeepEqual(got, want) || (n > len(got)) != a.repeats {
				t.Fatalf("%d members %q, want %q; %+v", n, got, want, a)
			}
		}
		o.err = io.EOF
		if got, _ := classify(o); (got == NotExecuted) == connected || (got == Unknown) != connected {
			t.Fatalf("%v without an answer, connected %v", got, connected)
		}
	})
}

// FuzzReadPage: reading an answer to a list adds and changes nothing.
func FuzzReadPage(f *testing.F) {
	for _, body := range []string{`{"count":1,"message_list":[{"type":0,"content":"Hello","create_time":"2026-03-01T12:00:00Z","accessory_list":[{"accessory_id":"a"}]}]}`,
		`{"count":"1","message_list":[{"type":"1"}]}`, `{}`, `{"count":0}`, `{"message_list":[]}`, `{"message_list":null}`, `{"count":-1,"message_list":[null]}`,
		`{"count":1e9,"message_list":[{}]}`, `{"count":1.5}`, `[]`, `null`, `{"count":9223372036854775808}`, `{"message_list":[{"type":{}}]}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var p page
		if json.Unmarshal(body, &p) != nil {
			return
		}
		var raw struct {
			Count    json.RawMessage   `json:"count"`
			Messages []json.RawMessage `json:"message_list"`
		}
		if strings.TrimSpace(string(body)) != "null" {
			if err := json.Unmarshal(body, &raw); err != nil {
				t.Fatalf("read what is no list: %v", err)
			}
			if raw.Count == nil && raw.Messages == nil || len(p.Messages) != len(raw.Messages) {
				t.Fatalf("%d messages, count %d, of %q", len(p.Messages), p.Count, body)
			}
		}
	})
}
