package servicerequest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// text is a JSON string, or a number as it is written: the API reference and
// its examples do not agree on which fields are which. Null is empty. All else
// is an error, so that what cannot be read never passes for empty.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	switch {
	case string(data) == "null":
		*t = ""
		return nil
	case len(data) > 0 && data[0] == '"':
		return json.Unmarshal(data, (*string)(t))
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*t = text(n)
	return nil
}

// number is a JSON number without a fraction, or a string with one. Null and
// the empty string are nil, as if the member were missing.
type number struct{ value *int }

func (n *number) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	s := strings.TrimSpace(string(t))
	if s == "" {
		n.value = nil
		return nil
	}
	if i, err := strconv.Atoi(s); err == nil {
		n.value = &i
		return nil
	}
	// 3.0 and 3e0 are 3.
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return fmt.Errorf("%.40q is not a whole number", s)
	}
	i := int(f)
	n.value = &i
	return nil
}

// or is the number, or what stands for it when it is missing.
func (n number) or(missing int) int {
	if n.value == nil {
		return missing
	}
	return *n.value
}
