"""What judges apps by BaxBench's own scenarios; `driver.py` is its command line."""
