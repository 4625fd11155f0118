from benchmarks.shopping import stock_up

if __name__ == "__main__":
    stock_up()
