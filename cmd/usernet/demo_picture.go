package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/usernet-go/usernet/internal/plot"
)

// A plotValue is the name of a file for a picture; empty: none.
type plotValue string

const pictureSuffix = ".svg"

func (v *plotValue) Set(s string) error {
	if filepath.Ext(s) != pictureSuffix || filepath.Base(s) == pictureSuffix {
		return fmt.Errorf("expected the name of a file that ends in %s, for example demo%s", pictureSuffix, pictureSuffix)
	}
	*v = plotValue(s)
	return nil
}

func (v *plotValue) String() string { return string(*v) }
func (v *plotValue) Type() string   { return "NAME" + pictureSuffix }

// A picture is a file that a picture will be written to.
type picture struct {
	file  *os.File
	made  bool // the file was not there before
	drawn bool
}

// openPicture opens the file, so that one that cannot be written is known of before
// there is a picture. What is in it stays until then.
func openPicture(name string) (*picture, error) {
	_, err := os.Stat(name)
	made := os.IsNotExist(err)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &picture{file: f, made: made}, nil
}

// write puts the picture in the place of what was in the file.
func (p *picture) write(f *plot.Figure) error {
	p.drawn = true
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	if _, err := f.WriteTo(p.file); err != nil {
		return err
	}
	return p.file.Close()
}

// close ends all that write has not done: no empty file is left.
func (p *picture) close() {
	if p.file.Close(); p.made && !p.drawn {
		os.Remove(p.file.Name())
	}
}
