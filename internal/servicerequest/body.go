package servicerequest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
)

// The errors about a body are words that can follow "the answer is".
var errBodyTooLong = errors.New("longer than any answer of the service")

var byteOrderMark = []byte("\xEF\xBB\xBF")

// readBody reads an answer's body, at most limit bytes of it. A proxy may compress an
// answer although nobody asked for that: then the limit holds for both forms.
func readBody(resp *http.Response, limit int) ([]byte, error) {
	body, err := readLimited(resp.Body, limit)
	switch name := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); {
	case name == "" || name == "identity" || len(body) == 0:
	case err != nil:
		return nil, err
	case name == "gzip" || name == "x-gzip":
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, errors.New("not the gzip that it claims to be")
		}
		if body, err = readLimited(unpacked, limit); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("compressed with " + name)
	}
	// A byte order mark before JSON means nothing.
	if rest, marked := bytes.CutPrefix(body, byteOrderMark); marked && isJSONLike(rest) {
		body = rest
	}
	return body, err
}

func readLimited(r io.Reader, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case len(body) > limit:
		return body[:limit], errBodyTooLong
	case err != nil:
		err = fmt.Errorf("cut off (%w)", err)
	}
	return body, err
}

// isJSONLike reports whether a body begins like a JSON object or array.
func isJSONLike(body []byte) bool {
	body = bytes.TrimLeftFunc(body, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// answer is a body as the service and its gateway write it: nothing, or an object
// with a code and a text.
type answer struct {
	Code    string // error_code
	Message string // error_msg
	empty   bool   // the body has only white space
	object  bool   // it is one JSON object, in which a code and a text are texts or null
	others  bool   // the object has other members
	repeats bool   // the object has a member twice
}

// parseAnswer reads a body. Unlike encoding/json it compares the names of members
// exactly, and does not let a second member replace the first.
func parseAnswer(body []byte) answer {
	body = bytes.Trim(body, " \t\r\n") // the white space of JSON
	if len(body) == 0 {
		return answer{empty: true}
	}
	if body[0] != '{' || !json.Valid(body) {
		return answer{}
	}
	a := answer{object: true}
	seen := map[json.Token]bool{}
	d := json.NewDecoder(bytes.NewReader(body))
	_, _ = d.Token() // the brace; the object is valid, so that only a value can fail
	for d.More() {
		name, _ := d.Token()
		a.repeats = a.repeats || seen[name]
		seen[name] = true
		var err error
		switch name {
		case "error_code":
			err = d.Decode(&a.Code) // null leaves it as it is
		case "error_msg":
			err = d.Decode(&a.Message)
		default:
			a.others = true
			err = d.Decode(&json.RawMessage{})
		}
		if err != nil {
			return answer{}
		}
	}
	return a
}

// unreadable says what a body is that is not the answer that was expected: words that
// can follow "the answer is". It is empty for a refusal that was read, and has nothing
// of the body itself.
func (o observation) unreadable(a answer) string {
	body := bytes.TrimSpace(o.body)
	success := o.status/100 == 2
	switch {
	case o.bodyErr != nil:
		return o.bodyErr.Error()
	case a.repeats:
		return "an object with a member twice"
	case a.Code != "" || a.Message != "":
		return ""
	case len(body) == 0 && success:
		return "empty"
	case len(body) == 0:
		return ""
	case o.isHTML(body):
		return "an HTML page"
	}
	var first json.RawMessage
	switch err := json.NewDecoder(bytes.NewReader(body)).Decode(&first); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut off"
	case err != nil:
		return "not JSON"
	case success:
		return "not what the service answers to this call"
	}
	return ""
}

func (o observation) isHTML(body []byte) bool {
	const longest = len("<!doctype html")
	start := strings.ToLower(string(body[:min(len(body), longest)]))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") ||
		body[0] == '<' && strings.HasPrefix(strings.TrimSpace(o.header.Get("Content-Type")), "text/html")
}
