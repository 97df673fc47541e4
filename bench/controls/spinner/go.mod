module coldbench.example/spinner

go 1.21
