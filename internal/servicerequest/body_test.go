package servicerequest

import (
	"encoding/json"
	"maps"
	"testing"
)

// The names and values are those that encoding/json finds.
func TestMembers(t *testing.T) {
	t.Parallel()
	for _, object := range []string{
		`{}`, ` `[:0] + `{ }`, `{"a":1}`, `{ "a" : -1.5e3 , "b":true}`, `{"a":"x\"y\\","b":null,"c":false}`, `{"a":{"b":[1,"]}",{}]},"c":[]}`,
		`{"a\u0062\"":"",` + "\n\t" + `"":[[],{}] }`, `{"a":"{","b":"}"}`,
	} {
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(object), &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]json.RawMessage{}
		for name, value := range members([]byte(object)) {
			got[name] = value
		}
		if !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}
