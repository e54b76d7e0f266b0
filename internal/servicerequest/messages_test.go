package servicerequest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Paging ends, however small the pages are and whatever the count is.
func TestPagingEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		items, count int
		pages        int
		err          error
	}{
		{0, 1 << 30, 1, nil},
		{1, 1 << 30, maxPages, errOffset},
		{pageSize, 0, 656, errOffset}, // a count that is too low ends nothing
		{pageSize, 1 << 30, 656, errOffset},
		{7, 7, 1, nil},
		{7, -1, 1, nil},
	} {
		pages := 0
		err := paginate(func(int) (int, int, error) {
			pages++
			return test.items, test.count, nil
		})
		if pages != test.pages || !errors.Is(err, test.err) {
			t.Errorf("%d items of %d: %d pages, %v; want %d, %v", test.items, test.count, pages, err, test.pages, test.err)
		}
	}
}

// An absurd number of messages is refused before memory is allocated for them.
func TestAbsurdNumberOfMessages(t *testing.T) {
	t.Parallel()
	body := `{"count":1,"message_list":[` + strings.Repeat("{},", maxOffset+pageSize) + `{}]}`
	var p page
	if err := json.Unmarshal([]byte(body), &p); !errors.Is(err, errTooManyMessages) {
		t.Errorf("%d messages, %v", len(p.Messages), err)
	}
}
