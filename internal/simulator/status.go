package simulator

// caseStatus is what a number stands for as the status of a ticket.
type caseStatus struct {
	name   string
	closed bool // the ticket takes no more messages from the customer
}

const statusCompleted = 3

// statuses is from the service's API reference. It does not say which are closed: 3,
// 4 and 12 are an interpretation of their names. A ticket with another number is open.
var statuses = map[int]caseStatus{
	0:               {"to be accepted", false},
	1:               {"processing", false},
	2:               {"awaiting confirmation", false},
	statusCompleted: {"completed", true},
	4:               {"cancelled", true},
	5:               {"suspended", false},
	12:              {"invalid", true},
	17:              {"awaiting feedback", false},
}
