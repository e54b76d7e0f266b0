package servicerequest

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Text is a JSON string, or a number as it is written: the API reference and its
// examples disagree about the types of fields. Null is empty. Any other value is an
// error: it must not count as empty.
type Text string

// UnmarshalJSON reads a string or a number.
func (t *Text) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var n json.Number // null leaves it empty
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*t = Text(n)
	return nil
}

// Number is a whole number, as a JSON number or string. Null and the empty string
// are nil, like a missing member.
type Number struct{ Value *int }

// UnmarshalJSON reads a number, also one in a string.
func (n *Number) UnmarshalJSON(data []byte) error {
	var t Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	s := strings.TrimSpace(string(t))
	if s == "" {
		n.Value = nil
		return nil
	}
	if i, err := strconv.Atoi(s); err == nil {
		n.Value = &i
		return nil
	}
	// 3.0 and 3e0 are 3.
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return fmt.Errorf("%.40q is not a whole number", s)
	}
	i := int(f)
	n.Value = &i
	return nil
}

// or returns the number, or the given value if it is missing.
func (n Number) or(missing int) int {
	if n.Value == nil {
		return missing
	}
	return *n.Value
}
