package servicerequest

import (
	"context"
	"errors"
)

// prepare gives the delivery its baseline. With an idempotency key it searches
// the ticket for the message, and reports whether it is there.
func (d *delivery) prepare(ctx context.Context) (existing Receipt, found bool, err error) {
	key := d.submission.IdempotencyKey
	use, used := d.ticket.lastUse(key)
	switch {
	case used && use.digest != d.own.digest:
		return Receipt{}, false, d.conflict(use.content)
	case used && use.receipt.ConfirmedBy != "":
		return d.adopt(use.receipt), true, nil
	}

	if key != "" {
		d.notify(StepChecking, "searching for the idempotency key", 0)
	}
	b, l, err := d.ticket.admit(ctx, d.client, d.submission.GroupID, key != "", use.ended)
	switch {
	case err != nil && ctx.Err() != nil:
		return Receipt{}, false, d.notSubmitted(ctx.Err())
	case err != nil:
		return Receipt{}, false, d.notSearched(err)
	}
	d.baseline = b
	if key == "" {
		return Receipt{}, false, nil
	}
	return d.search(l, used)
}

// search looks for the message in a listing. A message with the key must also have
// our text: otherwise a key that is used twice by mistake would lose a message.
// pending says that an earlier submission of this run with the key ended
// unconfirmed.
func (d *delivery) search(l listing, pending bool) (Receipt, bool, error) {
	other, conflict := "", false
	var existing Receipt
	for _, m := range l.messages {
		switch {
		case !hasKey(m.Content, d.submission.IdempotencyKey):
			continue
		case Shows(m.Content, d.submission.Content):
			if existing.Copies++; existing.Copies == 1 {
				existing.SubmittedAt = d.client.parseTime(m.CreateTime)
			}
			continue
		}
		other, conflict = m.Content, true
	}
	switch err := l.notSearchable(); {
	case existing.Copies > 0:
		return d.adopt(existing), true, nil
	case conflict:
		return Receipt{}, false, d.conflict(other)
	case err != nil:
		return Receipt{}, false, d.notSearched(err)
	case pending:
		return Receipt{}, false, d.unconfirmed(errPending)
	}
	return Receipt{}, false, nil
}

var errPending = errors.New("the ticket does not show the message, but an earlier one of this run with the same idempotency key may still arrive")

// adopt is the receipt for a message that is on the ticket already.
func (d *delivery) adopt(existing Receipt) Receipt {
	r := Receipt{ConfirmedBy: ByExisting, SubmittedAt: existing.SubmittedAt, Copies: existing.Copies}
	d.useKey(r)
	d.notify(StepConfirmed, "", 0)
	return r
}

func (d *delivery) notSearched(err error) error {
	return &SearchError{CaseID: d.submission.CaseID, IdempotencyKey: d.submission.IdempotencyKey, Err: d.client.redactError(err)}
}

func (d *delivery) conflict(shown string) error {
	e := &KeyConflictError{CaseID: d.submission.CaseID, IdempotencyKey: d.submission.IdempotencyKey}
	if !d.submission.Secret {
		e.Content, e.Shown = FirstWords(d.submission.Content), FirstWords(shown)
	}
	return e
}

// useKey records how the submission with this key ended: with a receipt, or
// with an empty one when its message may be on the ticket.
func (d *delivery) useKey(r Receipt) {
	key := d.submission.IdempotencyKey
	if key == "" {
		return
	}
	use := keyUse{digest: d.own.digest, receipt: r, ended: d.client.clock.Now()}
	if !d.submission.Secret {
		use.content = d.submission.Content
	}
	d.ticket.keyUsed(key, use)
}
