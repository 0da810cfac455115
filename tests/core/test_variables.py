def test_iterating_over_a_variable_ends():
    from ranvier import Variable

    assert [float(row.sum()) for row in Variable([[1.0, 2.0], [3.0, 4.0]])] == [3.0, 7.0]
    assert 3.0 in Variable([1.0, 3.0])
    assert 2.0 not in Variable([1.0, 3.0])
