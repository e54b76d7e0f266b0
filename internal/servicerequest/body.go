package servicerequest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"unicode"
)

var errBodyTooLong = errors.New("the body is longer than any answer of the service")

var byteOrderMark = []byte("\xEF\xBB\xBF")

// readBody reads an answer's body, at most limit bytes of it. A proxy may compress an
// answer although nobody asked for that: then the limit holds for both forms. encoding
// is the compression that could not be undone, and the body is left out.
func readBody(resp *http.Response, limit int) (body []byte, encoding string, err error) {
	body, err = readLimited(resp.Body, limit)
	switch name := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); {
	case name == "" || name == "identity" || len(body) == 0:
	case err != nil:
		return nil, "", err
	case name == "gzip" || name == "x-gzip":
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, name, err
		}
		if body, err = readLimited(unpacked, limit); err != nil {
			return nil, "", err
		}
	default:
		return nil, name, errors.New("unknown compression")
	}
	// A byte order mark before JSON means nothing.
	if rest, marked := bytes.CutPrefix(body, byteOrderMark); marked && isJSONLike(rest) {
		body = rest
	}
	return body, "", err
}

func readLimited(r io.Reader, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(body) > limit {
		return body[:limit], errBodyTooLong
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
	seen := map[string]bool{}
	for name, value := range members(body) {
		a.repeats = a.repeats || seen[name]
		seen[name] = true
		var err error
		switch name {
		case "error_code":
			err = json.Unmarshal(value, &a.Code) // null leaves it as it is
		case "error_msg":
			err = json.Unmarshal(value, &a.Message)
		default:
			a.others = true
		}
		if err != nil {
			return answer{}
		}
	}
	return a
}

// members yields the names and values of a valid JSON object, in their order.
func members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		d := json.NewDecoder(bytes.NewReader(object))
		_, _ = d.Token() // the brace; the object is valid, so nothing fails
		for d.More() {
			name, _ := d.Token()
			var value json.RawMessage
			_ = d.Decode(&value)
			if !yield(name.(string), value) { //nolint:forcetypeassert // a name is a string
				return
			}
		}
	}
}

// unreadable says what a body is that is not the answer that was expected: words that
// can follow "the answer is". It is empty for a refusal that was read, and has nothing
// of the body itself.
func (o observation) unreadable(a answer) string {
	body := bytes.TrimSpace(o.body)
	success := o.status/100 == 2
	switch {
	case o.encoding == "gzip" || o.encoding == "x-gzip":
		return "not the gzip that it claims to be"
	case o.encoding != "":
		return "compressed with " + o.encoding
	case errors.Is(o.bodyErr, errBodyTooLong):
		return "longer than any answer of the service"
	case o.bodyErr != nil:
		return "cut off (" + o.bodyErr.Error() + ")"
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
