package simulator

// Status is a status that a ticket can have.
type Status struct {
	Number int
	Name   string
	Closed bool // the ticket takes no more messages from the customer
}

const statusCompleted = 3

// statuses is from the service's API reference. It does not say which are closed: 3,
// 4 and 12 are an interpretation of their names.
var statuses = []Status{
	{0, "to be accepted", false},
	{1, "processing", false},
	{2, "awaiting confirmation", false},
	{statusCompleted, "completed", true},
	{4, "cancelled", true},
	{5, "suspended", false},
	{12, "invalid", true},
	{17, "awaiting feedback", false},
}

// FindStatus returns the status with this number, and reports whether there is one. An
// unknown status is open.
func FindStatus(number int) (Status, bool) {
	return first(statuses, func(s Status) bool { return s.Number == number })
}
