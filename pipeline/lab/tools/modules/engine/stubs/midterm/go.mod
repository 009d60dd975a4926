module github.com/vito/midterm
go 1.26
require lockage.invalid/midterm v0.2.3
