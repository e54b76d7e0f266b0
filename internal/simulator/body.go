package simulator

import (
	"bytes"
	"encoding/json"
	"mime"
	"strconv"
	"strings"
	"unicode/utf8"
)

// object is a JSON object as it was sent. Decoding into structs would be too
// lenient: it ignores case, repeated members and invalid UTF-8.
type object map[string]any

func isJSON(contentType string) bool {
	t, params, err := mime.ParseMediaType(contentType)
	if strings.EqualFold(params["charset"], "utf-8") {
		delete(params, "charset")
	}
	return err == nil && t == "application/json" && len(params) == 0
}

// parseObject reads a body that must be one JSON object, and nothing else.
func parseObject(body []byte) (object, *answer) {
	if !utf8.Valid(body) {
		return nil, malformed("Body is not valid UTF-8")
	}
	if !json.Valid(body) {
		return nil, malformed("Body is not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, repeated := parseValue(d)
	if repeated {
		return nil, malformed("Repeated member")
	}
	o, ok := v.(object)
	if !ok {
		return nil, malformed("Body is not a JSON object")
	}
	return o, nil
}

// parseValue reads the next value of valid JSON, and reports whether an object
// in it names a member twice.
func parseValue(d *json.Decoder) (v any, repeated bool) {
	t, _ := d.Token()
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, _ := d.Token()
			v, again := parseValue(d)
			_, known := o[name.(string)]
			repeated = repeated || again || known
			o[name.(string)] = v
		}
		_, _ = d.Token()
		return o, repeated
	case json.Delim('['):
		a := []any{}
		for d.More() {
			v, again := parseValue(d)
			repeated = repeated || again
			a = append(a, v)
		}
		_, _ = d.Token()
		return a, repeated
	}
	return t, false
}

// integer is mandatory for a whole number.
func (ex *exchange) integer(o object, name string) int {
	n, err := strconv.Atoi(mandatory[json.Number](ex, o, name).String())
	ex.require(err == nil, malformed("Invalid "+name))
	return n
}

// texts returns the values of a list, which must be strings.
func (ex *exchange) texts(name string, values []any) (texts []string) {
	for _, v := range values {
		text, ok := v.(string)
		ex.require(ok, malformed("Invalid "+name))
		texts = append(texts, text)
	}
	return texts
}

// optional takes a member of type T out of o, or returns the zero value if it was not
// sent. A member of another type, such as null, is wrong. What is left in the end is
// unknown, and check refuses it.
func optional[T any](ex *exchange, o object, name string) T {
	member, sent := o[name]
	v, ok := member.(T)
	ex.require(ok || !sent, malformed("Invalid "+name))
	delete(o, name)
	if inner, isObject := member.(object); isObject {
		ex.objects = append(ex.objects, inner)
	}
	return v
}

// mandatory is optional for a member that must be sent.
func mandatory[T any](ex *exchange, o object, name string) T {
	_, sent := o[name]
	ex.require(sent, malformed("Invalid "+name))
	return optional[T](ex, o, name)
}

// mustJSON encodes a value that can be encoded.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
