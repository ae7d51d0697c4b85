package tcp

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// What users do: they read, write, change options and close.

// act lets the user do what it wants to.
func (u *user) act() {
	if !u.connected() || u.vanished {
		return
	}
	e, w := u.end, u.end.w
	now := e.reading()
	switch {
	case u.gone:
		if !u.lingers.IsZero() && !w.now.Before(u.lingers) {
			u.lingers = time.Time{}
			u.conn.Abort(now)
			u.settle()
		}
		return
	case !u.abortAt.IsZero() && (!w.now.Before(u.abortAt) || u.read+u.wrote >= u.after):
		w.tally["a user aborted"]++
		u.conn.Abort(now)
		u.gone, u.early = true, true
		u.settle()
		return
	case !w.now.Before(u.since.Add(u.patience)):
		u.giveUp()
		return
	}
	idle := true
	if !w.now.Before(u.nextRead) && u.conn.Readable() && !u.eof {
		u.readSome()
		u.nextRead, idle = w.now.Add(upTo(w.random, u.readPause+1)), false
	}
	if !w.now.Before(u.nextWrite) && u.wrote < u.total && u.conn.Writable() {
		u.writeSome()
		u.nextWrite, idle = w.now.Add(upTo(w.random, u.writePause+1)), false
	}
	if !idle && u.fiddles {
		u.fiddle()
	}
	if u.finish() || !idle {
		u.seen.allowed += 4
		w.hush.allowed += 4
		u.settle()
	}
	u.conn.Keep()
	clear(u.lent)
}

func (u *user) settle() {
	if u.attached {
		u.end.settle()
	}
}

// giveUp ends what takes too long. If the user is a patient one, it is wrong of the
// machine: somebody is there who could have gone on, or it should have noticed that
// nobody is.
func (u *user) giveUp() {
	w, c := u.end.w, &u.conn
	if u.patience == patient && c.Err() == nil {
		switch {
		case u.peer.attached && !w.cutForGood():
			w.failf("deadlock: end %d got nothing done for %v", u.end.id, u.patience)
		case u.keepAlive.Idle > 0 || c.outstanding() || c.unsent() > 0:
			w.failf("end %d has not noticed for %v that nobody answers", u.end.id, u.patience)
		}
	}
	w.tally["a user gave up"]++
	u.close(true)
}

func (u *user) close(early bool) {
	u.gone, u.early = true, u.early || early
	if err := u.conn.Close(u.end.reading()); err != nil {
		u.end.w.failf("end %d: Close: %v", u.end.id, err)
	}
	u.settle()
}

func (u *user) readSome() {
	w := u.end.w
	for range 1 + w.random.IntN(3) + b2i(u.burst)*1000 {
		n, err := u.conn.Read(u.end.reading(), w.buffer[:1+w.random.IntN(u.maxRead)])
		for got := w.buffer[:n]; len(got) > 0; {
			want := noise[(u.peer.noise+u.read)%65521:]
			k := min(len(got), len(want), 65521)
			if u.read+k > u.peer.wrote || !bytes.Equal(got[:k], want[:k]) {
				w.failf("end %d: bytes %d to %d, of %d written, are not those that were sent", u.end.id, u.read, u.read+k, u.peer.wrote)
			}
			u.read += k
			got = got[k:]
		}
		if n > 0 {
			u.since = w.now
		}
		switch {
		case errors.Is(err, io.EOF):
			u.eof, u.since = true, w.now
			if u.conn.rcv.finTaken && (u.read != u.peer.wrote || !u.peer.done && !u.peer.gone) && u.ending != endCloseRead {
				w.failf("end %d: EOF after %d of %d bytes", u.end.id, u.read, u.peer.wrote)
			}
		case err == ErrWouldBlock:
		case err != nil && err != u.conn.Err():
			w.failf("end %d: Read: %v", u.end.id, err)
		}
		if err != nil {
			return
		}
	}
}

func (u *user) writeSome() {
	w := u.end.w
	if u.done {
		return
	}
	n := min(u.total-u.wrote, 1+w.random.IntN(u.maxWrite), 65521)
	from := (u.noise + u.wrote) % 65521
	write, text := u.conn.Write, noise[from:from+n]
	if u.noise%2 == 0 { // it lends what it writes
		u.lent = append(u.lent[:0], text...)
		write, text = u.conn.WriteLent, u.lent
	}
	if u.fiddles && w.random.IntN(50) == 0 {
		write = u.conn.WriteUrgent
	}
	n, err := write(u.end.reading(), text)
	if err != nil && err != ErrWouldBlock && err != u.conn.Err() && err != ErrPipe {
		w.failf("end %d: Write: %v", u.end.id, err)
	}
	u.wrote += n
	if n > 0 {
		u.since = w.now
	}
	if err == ErrPipe || err != nil && err == u.conn.Err() {
		u.total = u.wrote // nobody takes more
	}
}

// fiddle changes an option in the middle of the connection.
func (u *user) fiddle() {
	r, now := u.end.w.random, u.end.reading()
	switch r.IntN(60) {
	case 0, 1, 2:
		u.conn.SetCork(now, r.IntN(2) == 0)
	case 3, 4:
		u.conn.SetNoDelay(now, r.IntN(2) == 0)
	case 5:
		u.conn.SetMSS(now, 500+r.IntN(1000))
	case 6:
		u.conn.LimitMSS(now, 500+r.IntN(1000))
	case 7:
		u.conn.SetSendBuffer(now, r.IntN(u.end.cfg.SendBuffer))
	case 8:
		u.conn.SetReceiveBuffer(now, r.IntN(u.end.cfg.ReceiveBuffer))
	case 9:
		u.keepAlive = KeepAlive{}
		u.conn.SetKeepAlive(now, nil)
	case 10:
		d := 20*time.Second + upTo(r, time.Hour)
		u.conn.SetUserTimeout(now, d)
		u.seen.patience = min(u.seen.patience, d)
	}
}

// finish ends the connection, or a side of it, when it is time for that.
func (u *user) finish() (did bool) {
	w := u.end.w
	if u.conn.State() == StateSynSent && u.ending != endEarly {
		return false
	}
	written := u.wrote == u.total
	dead := u.eof && u.conn.Err() != nil
	closeWrite := func() {
		if !u.done && written {
			u.done, did = true, true
			if err := u.conn.CloseWrite(u.end.reading()); err != nil && u.conn.Err() == nil {
				w.failf("end %d: CloseWrite: %v", u.end.id, err)
			}
		}
	}
	switch u.ending {
	case endHalf:
		closeWrite()
		if u.done && u.eof {
			u.close(false)
			return true
		}
	case endOrderly, endAbort:
		if written && (u.eof || u.peer.wrote == u.peer.total && u.read == u.peer.total) {
			u.close(u.ending == endAbort)
			return true
		}
	case endEarly, endLinger:
		if written {
			if u.ending == endLinger {
				u.lingers = w.now.Add(u.linger)
			}
			u.close(true)
			return true
		}
	case endCloseRead:
		if !u.early && u.read >= u.after/20 {
			u.early, did = true, true
			_ = u.conn.CloseRead(u.end.reading())
		}
		closeWrite()
		if u.done && (u.eof || u.early) && u.conn.out.len() == 0 {
			u.close(true)
			return true
		}
	}
	if dead {
		u.close(true)
		return true
	}
	return did
}
