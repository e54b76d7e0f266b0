package servicerequest

// Limits of the service, from its API reference. Lengths are in characters.
const (
	// MaxContent is the length of a message's text. An older page of the
	// International site says 2000.
	MaxContent = 10000
	// MaxCaseID is the length of a ticket's ID. One site's page says 32.
	MaxCaseID = 64
	// MaxGroupID is the length of an IAM group's ID.
	MaxGroupID = 64
	// MaxAccessories is how many attachments a message may refer to.
	MaxAccessories = 10
	// MaxAccessoryID is the length of an attachment's ID. The submit call documents 32,
	// but the upload returns up to 64.
	MaxAccessoryID = 64

	// maxRequestBytes is what the API gateway accepts as a body: 12 MB.
	maxRequestBytes = 12 << 20

	pageSize  = 100   // the most items that one call of a list gives
	maxOffset = 65535 // the highest offset of a list
)
